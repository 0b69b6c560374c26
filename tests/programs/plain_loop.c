// A loop without Python: epoll on a timer, and between its polls the work of a callback, for a known time.
//   plain_loop [--ready PATH] [--go PATH] [--record FILE] [KIND:MS…]      kinds: sleep, file, spin
// Paths as for the Python targets: --ready gets one line, --go gives a byte before the first fault, the record is
// NDJSON.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// Of this thread on a CPU.
static long long ran_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_ns(long long ns) {
  struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};
  while (nanosleep(&t, &t) != 0 && errno == EINTR) {
  }
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static char fifo_path[128];
static int fifo = -1;
static int command = -1;  // for the child that writes the FIFO: the time to wait

static void start_writer(void) {
  int pipe_fds[2];
  snprintf(fifo_path, sizeof fifo_path, "/tmp/plain-loop-%d.fifo", getpid());
  if (mkfifo(fifo_path, 0600) != 0 || pipe2(pipe_fds, O_CLOEXEC) != 0) die("fifo");
  fifo = open(fifo_path, O_RDWR);
  if (fifo < 0) die(fifo_path);
  if (fork() == 0) {
    long long ns;
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &ns, sizeof ns) == sizeof ns) {
      sleep_ns(ns);
      if (write(fifo, "x", 1) != 1) break;
    }
    unlink(fifo_path);
    _exit(0);
  }
  close(pipe_fds[0]);
  command = pipe_fds[1];
}

__attribute__((noinline)) static void block_sleep(long long ns) { sleep_ns(ns); }

__attribute__((noinline)) static void block_file(long long ns) {
  char c;
  if (write(command, &ns, sizeof ns) != sizeof ns || read(fifo, &c, 1) != 1) die("file");
}

__attribute__((noinline)) static void block_spin(long long ns) {
  // The kernel's thread clocks are system calls: between two of them it reads the other clock ten thousand times, so
  // that samples rarely hit the system calls.
  for (long long deadline = ran_ns() + ns; ran_ns() < deadline;) {
    for (int i = 0; i < 10000; i++) now_ns();
  }
}

// A poll that does not wait ends an iteration and begins the next: the iteration between two such polls is between the
// clock readings outside of both, and contains all readings inside.
static void poll_at_once(int epfd) {
  struct epoll_event event;
  if (epoll_wait(epfd, &event, 1, 0) < 0) die("poll");
}

static const struct {
  const char* name;
  const char* cause;
  void (*block)(long long ns);
} kinds[] = {{"sleep", "sleep", block_sleep}, {"file", "file", block_file}, {"spin", "native", block_spin}};

static void poll_once(int epfd, int fd, int milliseconds) {
  struct itimerspec when = {.it_value = {0, milliseconds * 1000000L}};
  struct epoll_event event;
  unsigned long long expired;
  timerfd_settime(fd, 0, &when, NULL);
  if (epoll_wait(epfd, &event, 1, -1) != 1 || read(fd, &expired, sizeof expired) < 0) die("poll");
}

static void inject(const char* text, int epfd, int timer, FILE* record) {
  char kind[16];
  double ms;
  if (sscanf(text, "%15[a-z]:%lf", kind, &ms) != 2) {
    fprintf(stderr, "plain_loop: not KIND:MS: %s\n", text);
    exit(2);
  }
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(kinds[i].name, kind) != 0) continue;
    long long outer_start = now_ns();
    poll_at_once(epfd);
    long long start = now_ns();
    kinds[i].block((long long)(ms * 1e6));
    long long end = now_ns();
    poll_at_once(epfd);
    long long outer_end = now_ns();
    poll_once(epfd, timer, 5);
    if (record)
      fprintf(record,
              "{\"kind\": \"%s\", \"asked_ms\": %g, \"start_ns\": %lld, \"end_ns\": %lld, \"outer_start_ns\": %lld, "
              "\"outer_end_ns\": %lld, \"expected_cause\": \"%s\", "
              "\"single\": true, \"function\": \"block_%s\", \"task\": null, \"coroutine\": null, \"path\": \"%s\", "
              "\"tid\": %ld}\n",
              kind, ms, start, end, outer_start, outer_end, kinds[i].cause, kind,
              strcmp(kind, "file") == 0 ? fifo_path : "", syscall(SYS_gettid));
    return;
  }
  fprintf(stderr, "plain_loop: unknown kind: %s\n", kind);
  exit(2);
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

  start_writer();
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
    // In the poll, as a loop waits: the FIFO open both ways, so that it never ends.
    int fd = open(go, O_RDWR | O_NONBLOCK);
    struct epoll_event wait = {.events = EPOLLIN, .data.fd = fd};
    char c;
    if (fd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &wait) != 0) die(go);
    if (epoll_wait(epfd, &wait, 1, -1) != 1 || read(fd, &c, 1) != 1) die(go);
    epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
  }
  poll_once(epfd, timer, 2);
  for (int i = first; i < argc; i++) inject(argv[i], epfd, timer, record);
  close(command);
  while (wait(NULL) > 0) {
  }
  return 0;
}
