# holds: the file is quarantined, its neighbours serve
# own: 401,503
# nothing
