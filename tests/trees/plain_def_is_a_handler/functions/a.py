def get() -> str:
    return 'ok'
