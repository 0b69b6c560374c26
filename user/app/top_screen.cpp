#include "app/top_screen.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "output/context.h"
#include "output/screen/loop_page.h"
#include "output/text/profile.h"
#include "proc/process.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kProfileNs = 10'000'000'000;
constexpr std::size_t kMostFilter = 64;

bool is(const Key& key, char32_t character) { return key.kind == Key::Kind::character && key.character == character; }

bool same_row(const model::TopRow& a, const model::TopRow& b) {
  if (a.merged || b.merged) return a.merged == b.merged && a.service == b.service;
  return a.pid == b.pid && a.tid == b.tid;
}

}  // namespace

void ScreenMessages::add(const std::string& message) {
  const std::lock_guard lock(mutex_);
  added_ns_ = monotonic_ns();
  if (!messages_.empty() && messages_.back() == message) return;
  messages_.push_back(message);
  if (messages_.size() > kMost) messages_.pop_front();
}

std::string ScreenMessages::latest(std::uint64_t now_ns) const {
  constexpr std::uint64_t kShownNs = 30'000'000'000;
  const std::lock_guard lock(mutex_);
  return messages_.empty() || now_ns > added_ns_ + kShownNs ? std::string() : messages_.back();
}

std::deque<std::string> ScreenMessages::all() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

TopScreen::TopScreen(TopScreenConfig config, Terminal& terminal, TopEngine& engine, Session& session, Outputs& outputs,
                     const FileMaker& files, ScreenMessages& messages)
    : config_(std::move(config)),
      terminal_(terminal),
      engine_(engine),
      session_(session),
      outputs_(outputs),
      files_(files),
      messages_(messages) {}

void TopScreen::add_fds(std::vector<pollfd>& fds) { fds.push_back({STDIN_FILENO, POLLIN, 0}); }

std::uint64_t TopScreen::turn(std::uint64_t now_ns) {
  std::vector<Key> keys;
  if (!terminal_.read_keys(keys)) return 0;
  for (const auto& key : keys) take(key);
  if (stop_) return 0;
  const bool due = now_ns >= next_ns_;
  if (due) {
    engine_.refresh(session_, now_ns);
    next_ns_ = now_ns + config_.interval_ns;
  }
  if (due || !keys.empty()) {
    update_view();
    draw(now_ns);
  }
  return next_ns_;
}

Requests TopScreen::take_signals(int signals) {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGWINCH:
        terminal_.resize();
        next_ns_ = std::min(next_ns_, monotonic_ns());
        update_view();
        draw(monotonic_ns());
        break;
      case SIGTSTP:
        terminal_.suspend();
        draw(monotonic_ns());
        break;
      case SIGCHLD:
      case SIGUSR1: break;  // requests a summary, which the screen already shows
      default: stop_ = true;
    }
  }
  if (stop_) Terminal::let_signals_end();
  return {.stop = stop_, .summary = false};
}

void TopScreen::finish() {
  if (auto status = outputs_.end_recording(session_.summary(monotonic_ns())); !status) say(status.error().message());
}

void TopScreen::take(const Key& key) {
  if (typing_) return take_in_filter(key);
  if (is(key, 'q')) {
    stop_ = true;
  } else if (is(key, '?') || is(key, 'h')) {
    if (shown_ == Shown::help) return leave_page();
    if (shown_ != Shown::profile) before_ = shown_;
    shown_ = Shown::help;
    first_line_ = 0;
  } else if (is(key, 'p')) {
    start_profile();
  } else if (is(key, 'r')) {
    toggle_recording();
  } else if (shown_ == Shown::loops) {
    take_in_loops(key);
  } else {
    take_in_page(key);
  }
}

void TopScreen::take_in_filter(const Key& key) {
  auto& filter = order_.filter;
  switch (key.kind) {
    case Key::Kind::character:
      if (filter.size() < kMostFilter) append_utf8(filter, key.character);
      break;
    case Key::Kind::backspace:
      while (!filter.empty() && (static_cast<unsigned char>(filter.back()) & 0xc0U) == 0x80U) filter.pop_back();
      if (!filter.empty()) filter.pop_back();
      break;
    case Key::Kind::escape: filter.clear(); [[fallthrough]];
    case Key::Kind::enter: typing_ = false; break;
    default: break;
  }
}

bool TopScreen::move_cursor(const Key& key) {
  const auto page = output::rows_that_fit(terminal_.look().rows);
  const auto last = view_.rows.empty() ? 0 : view_.rows.size() - 1;
  auto& cursor = view_.cursor;
  if (key.kind == Key::Kind::up || is(key, 'k'))
    cursor -= cursor == 0 ? 0 : 1;
  else if (key.kind == Key::Kind::down || is(key, 'j'))
    cursor += 1;
  else if (key.kind == Key::Kind::page_up)
    cursor -= std::min(cursor, page);
  else if (key.kind == Key::Kind::page_down)
    cursor += page;
  else if (key.kind == Key::Kind::home)
    cursor = 0;
  else if (key.kind == Key::Kind::end)
    cursor = last;
  else
    return false;
  cursor = std::min(cursor, last);
  remember_selected();
  if (key.kind == Key::Kind::home) followed_.reset();  // stays on the first row, whichever loop is there
  return true;
}

void TopScreen::take_in_loops(const Key& key) {
  if (move_cursor(key)) return;
  if (key.kind == Key::Kind::enter) return open_selected();
  if (is(key, '<') || is(key, '>')) return sort_by(is(key, '<') ? -1 : 1);
  if (is(key, 'o')) {
    order_.reverse = !order_.reverse;
  } else if (is(key, 'g')) {
    order_.grouped = !order_.grouped;
    followed_.reset();
  } else if (is(key, '/')) {
    typing_ = true;
  } else if (key.kind == Key::Kind::escape) {
    order_.filter.clear();
    if (std::exchange(grouped_before_, false)) order_.grouped = true;
  }
}

void TopScreen::sort_by(int steps) {
  order_.sort = output::sort_column(order_.sort, steps);
  order_.reverse = false;
}

void TopScreen::take_in_page(const Key& key) {
  const auto fit = output::page_lines_that_fit(terminal_.look().rows);
  const auto last = output::last_first(page(monotonic_ns()), terminal_.look().rows);
  if (key.kind == Key::Kind::escape || key.kind == Key::Kind::backspace || key.kind == Key::Kind::left)
    return leave_page();
  if (key.kind == Key::Kind::up || is(key, 'k')) first_line_ -= first_line_ == 0 ? 0 : 1;
  if (key.kind == Key::Kind::down || is(key, 'j')) first_line_ += 1;
  if (key.kind == Key::Kind::page_up) first_line_ -= std::min(first_line_, fit);
  if (key.kind == Key::Kind::page_down || is(key, ' ')) first_line_ += fit;
  if (key.kind == Key::Kind::home) first_line_ = 0;
  if (key.kind == Key::Kind::end) first_line_ = last;
  first_line_ = std::min(first_line_, last);
}

void TopScreen::leave_page() {
  first_line_ = 0;
  if (shown_ == Shown::profile) profile_.reset();
  shown_ = shown_ == Shown::details ? Shown::loops : std::exchange(before_, Shown::loops);
  if (shown_ == Shown::loops) reader_.reset();
}

const model::TopRow* TopScreen::selected() const {
  return view_.cursor < view_.rows.size() ? &view_.rows[view_.cursor] : nullptr;
}

void TopScreen::remember_selected() {
  if (const auto* row = selected()) followed_ = *row;
}

void TopScreen::open_selected() {
  const auto* row = selected();
  if (row == nullptr) return;
  if (!row->merged) return open_details({row->pid, row->tid});
  // Its loops.
  order_.filter = row->service;
  order_.grouped = false;
  grouped_before_ = true;
  followed_.reset();
  view_.cursor = 0;
}

void TopScreen::open_details(Loop loop) {
  const auto& row = *selected();
  loop_ = loop;
  loop_title_ = fmt::format("{}  pid {}  {}", row.service, row.pid, row.thread);
  shown_ = Shown::details;
  first_line_ = 0;
  reader_.reset();
  auto process = proc::Process::open(static_cast<pid_t>(loop.first));
  if (process)
    reader_ = std::make_unique<LoopReader>(std::move(*process), loop.second);
  else
    say(process.error().message());
}

void TopScreen::start_profile() {
  std::uint32_t pid = 0;
  if (shown_ == Shown::details || before_ == Shown::details)
    pid = loop_.first;
  else if (const auto* row = selected())
    pid = row->pid;
  if (profile_ && shown_ == Shown::profile) {
    if (profile_->goes_on()) return profile_->end_now();
    pid = profile_->pid();
  }
  if (pid == 0) return say("a profile is of one process: choose a loop");
  if (shown_ != Shown::profile && shown_ != Shown::help) before_ = shown_;
  shown_ = Shown::profile;
  first_line_ = 0;
  profile_.reset();
  profile_ = std::make_unique<TopProfile>(pid, kProfileNs);
}

void TopScreen::toggle_recording() {
  if (outputs_.is_recording()) {
    const auto status = outputs_.end_recording(session_.summary(monotonic_ns()));
    return say(status ? "recorded to " + recording_ : status.error().message());
  }
  auto made = files_.make();
  if (!made) return say(made.error().message());
  recording_ = made->name;
  auto writer = recording_to(std::move(made->file), made->name, outputs_.context());
  if (!writer) return say(writer.error().message());
  if (auto status = outputs_.start_recording(std::move(*writer), session_.watching()); !status)
    return say(status.error().message());
  say("records to " + recording_ + "; r ends it");
}

void TopScreen::update_view() {
  const auto cursor = view_.cursor;
  const auto first = view_.first;
  view_ = engine_.view(order_);
  view_.cursor = cursor;
  view_.first = first;
  if (followed_) {
    const auto at = std::ranges::find_if(view_.rows, [&](const auto& row) { return same_row(row, *followed_); });
    if (at != view_.rows.end()) view_.cursor = static_cast<std::size_t>(at - view_.rows.begin());
  }
  keep_cursor_in_view();
}

void TopScreen::keep_cursor_in_view() {
  const auto fit = output::rows_that_fit(terminal_.look().rows);
  const auto count = view_.rows.size();
  view_.cursor = std::min(view_.cursor, count == 0 ? 0 : count - 1);
  view_.first = std::min(view_.first, view_.cursor);
  if (view_.cursor >= view_.first + fit) view_.first = view_.cursor - fit + 1;
  if (view_.first + fit > count) view_.first = count > fit ? count - fit : 0;
}

output::OutputContext TopScreen::context() const {
  auto context = outputs_.context();
  context.color = context.verbose = false;
  context.columns = std::max<std::size_t>(40, terminal_.look().columns);
  return context;
}

std::string TopScreen::message(std::uint64_t now_ns) const {
  auto latest = messages_.latest(now_ns);
  if (!outputs_.is_recording() || latest.find(recording_) != std::string::npos) return latest;
  return "records to " + recording_ + (latest.empty() ? "" : "; " + latest);
}

output::Page TopScreen::details_page() const {
  output::LoopDetails details{.row = {},
                              .stalls = engine_.table().stalls_of(loop_),
                              .places = engine_.table().places_of(loop_),
                              .hangs = session_.last_hangs(loop_.first),
                              .look = reader_ ? reader_->last() : nullptr};
  for (auto& row : engine_.table().rows()) {
    if (row.pid == loop_.first && row.tid == loop_.second && !row.ended) details.row = std::move(row);
  }
  return {.title = loop_title_, .lines = output::loop_page(details, context()), .message = {}};
}

output::Page TopScreen::profile_page(std::uint64_t now_ns) const {
  output::Page page{.title = fmt::format("profile of process {}", profile_->pid()), .lines = {}, .message = {}};
  if (const auto problem = profile_->problem(); !problem.empty()) {
    page.lines.push_back({problem, output::Ink::error});
  } else if (const auto report = profile_->report()) {
    const auto top = std::max<std::size_t>(5, output::page_lines_that_fit(terminal_.look().rows));
    for (auto& line : output::profile_text(*report, top, context())) page.lines.push_back({std::move(line)});
  } else {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    const auto passed = now_ns - std::min(now_ns, profile_->began_ns());
    page.lines.push_back({fmt::format("is being made: {} of {} s; p ends it now",
                                      std::min(passed, kProfileNs) / kSecond, profile_->duration_ns() / kSecond)});
  }
  return page;
}

output::Page TopScreen::page(std::uint64_t now_ns) const {
  if (shown_ == Shown::help)
    return {.title = "aiotrace top: help", .lines = output::top_help(terminal_.look().utf8), .message = {}};
  if (shown_ == Shown::profile && profile_) return profile_page(now_ns);
  return details_page();
}

void TopScreen::draw(std::uint64_t now_ns) {
  output::Grid grid(terminal_.look());
  if (shown_ == Shown::loops) {
    view_.targets = config_.targets;
    view_.typing = typing_;
    view_.time = output::local_time(now_ns, outputs_.context()).substr(0, 8);
    view_.warn_ns = config_.warn_ns;
    view_.error_ns = config_.error_ns;
    view_.message = message(now_ns);
    output::draw_top(grid, view_);
  } else {
    auto shown = page(now_ns);
    first_line_ = std::min(first_line_, output::last_first(shown, terminal_.look().rows));
    shown.first = first_line_;
    shown.message = message(now_ns);
    output::draw_page(grid, shown);
  }
  terminal_.draw(grid);
}

}  // namespace aiotrace::app
