"""Function files that would harm a service, each beside healthy ones; judged by what the neighbours answer."""
