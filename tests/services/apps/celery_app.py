"""celery (third party): not asyncio."""
from celery import Celery

app = Celery("x", broker="memory://")
app.conf.worker_cancel_long_running_tasks_on_connection_loss = True
