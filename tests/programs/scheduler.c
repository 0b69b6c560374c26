// Two threads that take turns to poll one epoll, as the workers of a scheduler do, beside a thread with a loop of its
// own, which sleeps SLEEPS times in its callbacks.
//   scheduler [--ready PATH] [--go PATH] [--record FILE]
// --record: a line of JSON with the tids, how long each turn took at least, and the sleeps.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 6, TURN_MS = 90, SLEEPS = 2, SLEEP_MS = 120 };

struct loop {
  int epfd, timer;
};

static struct loop shared, own;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;
static long tids[3];

static void die(const char* what) {
  perror(what);
  exit(1);
}

static struct loop make_loop(void) {
  struct loop made = {epoll_create1(EPOLL_CLOEXEC), timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  struct epoll_event event = {.events = EPOLLIN, .data.fd = made.timer};
  if (made.epfd < 0 || made.timer < 0 || epoll_ctl(made.epfd, EPOLL_CTL_ADD, made.timer, &event) != 0) die("epoll");
  return made;
}

static void poll_for(struct loop* loop, int milliseconds) {
  struct itimerspec when = {.it_value = {0, milliseconds * 1000000L}};
  struct epoll_event event;
  unsigned long long expired;
  if (timerfd_settime(loop->timer, 0, &when, NULL) != 0 || epoll_wait(loop->epfd, &event, 1, -1) != 1 ||
      read(loop->timer, &expired, sizeof expired) != sizeof expired)
    die("poll");
}

static void* work(void* number) {
  int own_turn = (int)(long)number;
  tids[own_turn] = syscall(SYS_gettid);
  for (int i = 0; i < TURNS; i++) {
    pthread_mutex_lock(&mutex);
    while (turn % 2 != own_turn) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    poll_for(&shared, TURN_MS);
    pthread_mutex_lock(&mutex);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void* sleep_in_callbacks(void* unused) {
  struct timespec asked = {0, SLEEP_MS * 1000000L};
  tids[2] = syscall(SYS_gettid);
  poll_for(&own, 5);
  for (int i = 0; i < SLEEPS; i++) {
    nanosleep(&asked, NULL);
    poll_for(&own, 5);
  }
  return unused;
}

int main(int argc, char** argv) {
  const char *ready = NULL, *go = NULL, *record = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--ready") == 0) ready = argv[i + 1];
    if (strcmp(argv[i], "--go") == 0) go = argv[i + 1];
    if (strcmp(argv[i], "--record") == 0) record = argv[i + 1];
  }
  shared = make_loop();
  own = make_loop();
  if (ready) {
    int fd = open(ready, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || dprintf(fd, "ready %d\n", getpid()) < 0) die(ready);
  }
  if (go) {
    char c;
    int fd = open(go, O_RDWR);
    if (fd < 0 || read(fd, &c, 1) != 1) die(go);
  }
  pthread_t threads[3];
  for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, work, (void*)i);
  pthread_create(&threads[2], NULL, sleep_in_callbacks, NULL);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  FILE* file = record ? fopen(record, "we") : NULL;
  if (file)
    fprintf(file, "{\"workers\": [%ld, %ld], \"turn_ms\": %d, \"loop\": %ld, \"sleeps\": %d, \"sleep_ms\": %d}\n",
            tids[0], tids[1], TURN_MS, tids[2], SLEEPS, SLEEP_MS);
  if (file) fclose(file);
  return 0;
}
