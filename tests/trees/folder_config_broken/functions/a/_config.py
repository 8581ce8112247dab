config = Folder(
