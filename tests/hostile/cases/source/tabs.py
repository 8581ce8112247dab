# holds: the file is quarantined, its neighbours serve
# own: 401
def get():
    if 1:
        return 1
