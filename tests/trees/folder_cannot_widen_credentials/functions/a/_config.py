from runtime import Folder

config = Folder(token_types=('session', 'api_key'))
