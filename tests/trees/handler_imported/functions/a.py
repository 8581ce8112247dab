from operator import itemgetter as get
