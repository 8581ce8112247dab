"""Function files that would harm a service, each beside healthy ones, which are asked what they answer."""
