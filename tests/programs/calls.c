// A loop without Python that stalls in a known chain of calls.
//   calls [--ready PATH] [--go PATH] [--record FILE] KIND:MS…     kinds: spin (on a CPU), sleep (blocked), hang (spins
//   until it is killed)
// Compiled with and without frame pointers and unwind tables. The chain is outer → middle → inner → leaf_KIND.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static volatile long long sink;

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// CPU time of this thread.
static long long ran_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

APART void leaf_spin(long long ns) {
  for (long long deadline = ran_ns() + ns; ran_ns() < deadline;) {
    for (int i = 0; i < 20000; i++) sink += i;
  }
  sink++;
}

APART void leaf_sleep(long long ns) {
  struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR) {
  }
  sink++;
}

// The code after the call prevents the compiler from making a jump of it.
APART void inner(void (*leaf)(long long), long long ns) {
  leaf(ns);
  sink++;
}

APART void middle(void (*leaf)(long long), long long ns) {
  volatile char room[300];
  room[0] = (char)ns;
  inner(leaf, ns);
  sink += room[0];
}

APART void outer(void (*leaf)(long long), long long ns) {
  middle(leaf, ns);
  sink++;
}

static void poll_once(int epfd, int timer, int milliseconds) {
  struct itimerspec when = {.it_value = {0, milliseconds * 1000000L}};
  struct epoll_event event;
  unsigned long long expired;
  timerfd_settime(timer, 0, &when, NULL);
  if (epoll_wait(epfd, &event, 1, -1) != 1 || read(timer, &expired, sizeof expired) < 0) die("poll");
}

static void inject(const char* text, int epfd, int timer, FILE* record) {
  char kind[16];
  double ms;
  if (sscanf(text, "%15[a-z]:%lf", kind, &ms) != 2) die(text);
  const int sleeps = strcmp(kind, "sleep") == 0;
  long long start = now_ns();
  outer(sleeps ? leaf_sleep : leaf_spin, strcmp(kind, "hang") == 0 ? 3600000000000LL : (long long)(ms * 1e6));
  long long end = now_ns();
  poll_once(epfd, timer, 5);
  if (record)
    fprintf(record, "{\"kind\": \"%s\", \"start_ns\": %lld, \"end_ns\": %lld, \"tid\": %d}\n", kind, start, end,
            getpid());
}

int main(int argc, char** argv) {
  const char *ready = NULL, *go = NULL, *path = NULL;
  int first = 1;
  for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
    if (strcmp(argv[first], "--ready") == 0) ready = argv[first + 1];
    if (strcmp(argv[first], "--go") == 0) go = argv[first + 1];
    if (strcmp(argv[first], "--record") == 0) path = argv[first + 1];
  }
  FILE* record = path ? fopen(path, "we") : NULL;
  if (path && !record) die(path);
  if (record) setlinebuf(record);
  int epfd = epoll_create1(EPOLL_CLOEXEC);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = timer};
  if (epfd < 0 || timer < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, timer, &event) != 0) die("epoll");
  for (int i = 0; i < 5; i++) poll_once(epfd, timer, 1);
  if (ready) {
    int fd = open(ready, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || dprintf(fd, "ready %d\n", getpid()) < 0) die(ready);
  }
  if (go) {
    int fd = open(go, O_RDWR | O_NONBLOCK);
    struct epoll_event wait = {.events = EPOLLIN, .data.fd = fd};
    char c;
    if (fd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &wait) != 0) die(go);
    if (epoll_wait(epfd, &wait, 1, -1) != 1 || read(fd, &c, 1) != 1) die(go);
    epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
  }
  poll_once(epfd, timer, 2);
  for (int i = first; i < argc; i++) inject(argv[i], epfd, timer, record);
  return 0;
}
