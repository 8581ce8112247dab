from runtime import Folder

config = Folder(reverification="moderate")
