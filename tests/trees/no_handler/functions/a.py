def helper() -> str:
    return 'ok'
