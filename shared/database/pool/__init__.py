"""The pool: connections that are lent to one caller at a time."""
