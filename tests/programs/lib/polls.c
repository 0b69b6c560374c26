/*
 * A thread of a C library that has a loop of its own and never runs Python, as gRPC's: its iterations spin for
 * `spin_ms` and sleep for as long, `times` times.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>

static int spin_ms, times;

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void* run(void* unused) {
  (void)unused;
  int epoll = epoll_create1(0);
  struct epoll_event event;
  epoll_wait(epoll, &event, 1, 10); /* seen before its first iteration */
  for (int i = 0; i < times; i++) {
    epoll_wait(epoll, &event, 1, 10);
    long long end = now_ns() + spin_ms * 1000000LL;
    while (now_ns() < end) continue;
    struct timespec pause = {.tv_sec = 0, .tv_nsec = spin_ms * 1000000L};
    nanosleep(&pause, 0);
  }
  epoll_wait(epoll, &event, 1, 10);
  return 0;
}

static pthread_t thread;

int begin(int ms, int how_often) {
  spin_ms = ms;
  times = how_often;
  return pthread_create(&thread, 0, run, 0);
}

int end(void) { return pthread_join(thread, 0); }
