from runtime import Folder

config = Folder(org=True, timeout=10)
