#include "output/page/page.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/bounded_text.h"
#include "model/cause.h"
#include "model/frame_origin.h"
#include "page.gen.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kMaxName = 240;
constexpr std::size_t kMaxFlameNodes = 4'000;
constexpr std::size_t kLeastFlameNodes = 16;
constexpr std::size_t kFlameBytes = 400'000;

std::string dump(const PageJson& json) {
  constexpr int kOneLine = -1;
  return json.dump(kOneLine, ' ', false, PageJson::error_handler_t::replace);
}

// JSON inside a <script> element: only "<" could end the element, and "<" only occurs in strings.
std::string embedded(const PageJson& json) {
  const auto text = dump(json);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      out += "\\u003c";
    else
      out.push_back(c);
  }
  return out;
}

struct Parts {
  std::string_view body;
  std::string_view script;
};

Parts parts_of(PageKind kind) {
  switch (kind) {
    case PageKind::comparison: return {kComparisonBody, kComparisonScript};
    case PageKind::awaits: return {kAwaitsBody, kAwaitsScript};
    case PageKind::exact_awaits: return {kExactBody, kExactScript};
    case PageKind::profile: return {kProfileBody, kProfileScript};
    case PageKind::leaks: return {kLeaksBody, kLeaksScript};
    case PageKind::stalls: break;
  }
  return {kStallsBody, kStallsScript};
}

PageFlame flame_of(const model::WeightedStacks& stacks, std::size_t most_nodes, PageNames& names,
                   const FlameExtra& extra) {
  const auto tree = flame_tree(stacks, most_nodes);
  auto more = extra ? extra(tree) : std::vector<PageJson>{};
  auto nodes = PageJson::array();
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const auto& node = tree[i];
    const auto frame = node.parent < 0 ? 0 : names.frame(stacks.frames()[node.frame]);
    PageJson json{node.parent, frame, node.weight};
    if (i < more.size()) {
      for (auto& number : more[i]) json.push_back(std::move(number));
    }
    nodes.push_back(std::move(json));
  }
  const bool nanoseconds = stacks.unit() == model::WeightedStacks::Unit::nanoseconds;
  return {
      .json = {{"what", stacks.what()}, {"unit", nanoseconds ? "nanoseconds" : "count"}, {"nodes", std::move(nodes)}},
      .cut = tree.size() == most_nodes};
}

}  // namespace

std::string page_of(PageKind kind, const PageJson& data) {
  const auto [body, script] = parts_of(kind);
  return std::string(kPageStart)
      .append(body)
      .append(kPageBeforeData)
      .append(embedded(data))
      .append(kPageAfterData)
      .append(script)
      .append(kPageEnd);
}

double page_micros(std::uint64_t ns) {
  constexpr double kMicro = 1000;
  return static_cast<double>(ns) / kMicro;
}

std::string page_name(std::string_view text) { return model::bounded_text(valid_utf8(text), kMaxName); }

std::size_t page_bytes(const PageJson& json) { return embedded(json).size(); }

PageJson page_causes() {
  auto causes = PageJson::array();
  for (std::size_t i = 0; i < model::kCauses; ++i) causes.push_back(model::name(static_cast<model::Cause>(i)));
  return causes;
}

std::size_t PageNames::string(std::string_view text) {
  const auto [at, added] = string_at_.try_emplace(page_name(text), strings_.size());
  if (added) {
    strings_.push_back(at->first);
    bytes_ += page_bytes(strings_.back()) + 1;
  }
  return at->second;
}

std::size_t PageNames::frame(const model::WeightedFrame& frame) {
  const bool library = frame.kind == model::WeightedFrame::Kind::python &&
                       model::origin_of(frame.file).origin == model::Origin::standard_library;
  PageJson json{model::name(frame.kind), string(frame.function), string(frame.file), frame.line, library ? 1 : 0};
  auto text = dump(json);
  const auto [at, added] = frame_at_.try_emplace(std::move(text), frames_.size());
  if (added) {
    frames_.push_back(std::move(json));
    bytes_ += at->first.size() + 1;
  }
  return at->second;
}

PageJson PageNames::stack(const model::Stack& stack) {
  auto frames = PageJson::array();
  for (const auto& each : stack) frames.push_back(frame(model::weighted_frame(each)));
  return frames;
}

void PageNames::take_into(PageJson& data) {
  data["strings"] = std::move(strings_);
  data["frames"] = std::move(frames_);
  *this = PageNames();
}

void PageRows::add(PageJson row, std::size_t beside) {
  const auto more = page_bytes(row) + beside + 1;
  if (left_out_ != 0 || rows_.size() >= most_rows_ || bytes_ + more > most_bytes_) {
    ++left_out_;
    return;
  }
  bytes_ += more;
  rows_.push_back(std::move(row));
}

PageFlame page_flame(const model::WeightedStacks& stacks, PageNames& names, const FlameExtra& extra) {
  // Names can be long: then fewer nodes are drawn, until the page fits.
  for (auto most = kMaxFlameNodes;; most /= 2) {
    auto with_these = names;
    auto flame = flame_of(stacks, most, with_these, extra);
    const auto bytes = page_bytes(flame.json) + with_these.bytes() - names.bytes();
    if (bytes > kFlameBytes && most > kLeastFlameNodes) continue;
    names = std::move(with_these);
    return flame;
  }
}

}  // namespace aiotrace::output
