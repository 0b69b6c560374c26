#include "output/text/losses.h"

#include <fmt/format.h>

#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {

std::string loss_in_words(std::string_view name, std::uint64_t count) {
  const auto* text = model::loss_text(name);
  const auto words = text == nullptr ? name : count == 1 ? text->one : text->many;
  return fmt::format("{} {}", format_count(count), words);
}

std::vector<std::string> losses_in_words(const model::LossCounts& counts) {
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) sentences.push_back(loss_in_words(model::name(static_cast<model::Loss>(i)), counts[i]));
  }
  return sentences;
}

std::vector<std::string> loss_lines(const std::vector<std::string>& sentences, const OutputContext& context) {
  constexpr std::string_view kFirst = "Lost: ";
  std::vector<std::string> lines;
  for (const auto& sentence : sentences) {
    const auto lead = lines.empty() ? std::string(kFirst) : std::string(kFirst.size(), ' ');
    lines.push_back(paint(shorten_right(lead + sentence, context.columns), Color::yellow, context));
  }
  return lines;
}

}  // namespace aiotrace::output
