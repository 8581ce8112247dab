"""Celery: lists, acknowledged late so that a killed worker loses nothing."""

import sys
import time

from celery import Celery
from note import PAUSE, SINGLES, URL, note, queueing

app = Celery("bench", broker=URL)
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=4)


@app.task(name="job")
def job(sent: float) -> None:
    note(sent)


if __name__ == "__main__":
    count = int(sys.argv[1])
    for _ in range(SINGLES if count == 1 else 0):
        job.delay(time.time())
        time.sleep(PAUSE)
    with queueing():
        for _ in range(count if count > 1 else 0):
            job.delay(0.0)
