from runtime import Folder

config = Folder(permission='org:signals:read', timeout=10, token_types=('session',), rate_limit='60/minute', reverification='strict', read_only=True)
