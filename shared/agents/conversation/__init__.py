"""What was said so far, in the service's own form or a chat library's."""
