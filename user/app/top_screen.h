// The live view on a terminal: its pages, and what keys do.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/file_maker.h"
#include "app/loop_reader.h"
#include "app/outputs.h"
#include "app/requests.h"
#include "app/session.h"
#include "app/terminal.h"
#include "app/top_engine.h"
#include "app/top_profile.h"
#include "output/screen/page.h"
#include "output/screen/top_view.h"

namespace aiotrace::app {

/// The messages of say() while the terminal shows a screen. Can be called from any thread.
class ScreenMessages {
 public:
  void add(const std::string& message);
  /// The latest message, for a limited time; empty: there is none.
  [[nodiscard]] std::string latest(std::uint64_t now_ns) const;
  /// The last messages, oldest first: printed when the terminal is restored.
  [[nodiscard]] std::deque<std::string> all() const;

 private:
  static constexpr std::size_t kMost = 20;
  mutable std::mutex mutex_;
  std::deque<std::string> messages_;
  std::uint64_t added_ns_ = 0;
};

struct TopScreenConfig {
  std::uint64_t interval_ns = 0;
  std::uint64_t warn_ns = 0;
  std::uint64_t error_ns = 0;
  std::string targets;  ///< what the run watches
};

class TopScreen final : public Beside {
 public:
  /// All arguments must outlive it. `session` has begun.
  TopScreen(TopScreenConfig config, Terminal& terminal, TopEngine& engine, Session& session, Outputs& outputs,
            const FileMaker& files, ScreenMessages& messages);

  void add_fds(std::vector<pollfd>& fds) override;
  std::uint64_t turn(std::uint64_t now_ns) override;
  /// Reads the signals: a new size, suspension, or the end.
  [[nodiscard]] Requests take_signals(int signals);
  /// Ends a running recording.
  void finish();

 private:
  enum class Shown : std::uint8_t { loops, details, profile, help };
  using Loop = model::TopTable::Loop;

  void take(const Key& key);
  void take_in_loops(const Key& key);
  void take_in_page(const Key& key);
  void take_in_filter(const Key& key);
  bool move_cursor(const Key& key);
  void sort_by(int steps);
  void open_selected();
  void open_details(Loop loop);
  void leave_page();
  void start_profile();
  void toggle_recording();
  void update_view();
  void keep_cursor_in_view();
  void remember_selected();
  [[nodiscard]] const model::TopRow* selected() const;
  [[nodiscard]] output::Page page(std::uint64_t now_ns) const;
  [[nodiscard]] output::Page details_page() const;
  [[nodiscard]] output::Page profile_page(std::uint64_t now_ns) const;
  [[nodiscard]] output::OutputContext context() const;
  [[nodiscard]] std::string message(std::uint64_t now_ns) const;
  void draw(std::uint64_t now_ns);

  TopScreenConfig config_;
  Terminal& terminal_;
  TopEngine& engine_;
  Session& session_;
  Outputs& outputs_;
  const FileMaker& files_;
  ScreenMessages& messages_;

  Shown shown_ = Shown::loops;
  Shown before_ = Shown::loops;  // the page to which a profile or the help returns
  TopEngine::Order order_;
  output::TopView view_;
  bool typing_ = false;
  bool stop_ = false;
  std::uint64_t next_ns_ = 0;
  // The row on which the cursor stays when rows move; nothing before the cursor was moved.
  std::optional<model::TopRow> followed_;
  bool grouped_before_ = false;  // Esc leads back to services
  Loop loop_{};                  // the loop whose details are shown
  std::string loop_title_;
  std::size_t first_line_ = 0;  // of the page
  std::unique_ptr<LoopReader> reader_;
  std::unique_ptr<TopProfile> profile_;
  std::string recording_;  // the name of the file
};

}  // namespace aiotrace::app
