from runtime import Folder

config = Folder(public=True)
