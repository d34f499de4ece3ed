"""The root of all errors that this package raises on purpose."""


class JepaWmError(Exception):
    """Something a person can put right.

    The message says what was wrong, where (file, key, topic), which values are accepted and what
    to do next. Each room derives its own errors from this one; the command line prints the
    message on one line, without a traceback.

    Attributes:
        exit_code: Of a command that ends with it.
    """

    exit_code = 1
