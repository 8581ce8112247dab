from runtime import Folder

config = Folder(permission='org:signals:read', tags=('signals',))
