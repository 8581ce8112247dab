from runtime import Folder

config = Folder(timeout=10)
