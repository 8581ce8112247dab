"""Why the system starts no further process, and what to do about it."""

import errno

_CURES = {
    errno.EAGAIN: (
        "the limit of processes and threads is reached (ulimit -u, or pids.max of the container);"
        " raise it, or lower ANNEX_WORKERS and ANNEX_ISOLATED_PROCESSES, or set ANNEX_SPARE=false"
    ),
    errno.ENOMEM: "no memory is left; give the container more, lower ANNEX_WORKERS, or set ANNEX_SPARE=false",
    errno.EMFILE: "this process may open no more files; raise its limit (ulimit -n)",
    errno.ENFILE: "the machine may open no more files; raise fs.file-max",
}


def no_process(error: OSError) -> str:
    """Return the cause and the cure, as the second half of a sentence."""
    return _CURES.get(error.errno or 0) or error.strerror or str(error)
