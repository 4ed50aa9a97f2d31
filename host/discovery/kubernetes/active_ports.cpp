#include "discovery/kubernetes/active_ports.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace epp::discovery {
namespace {

constexpr std::size_t kShownBytes = 32;

const std::string* value_of(const kube::Labels& annotations, std::string_view key) {
  const auto at = std::lower_bound(annotations.begin(), annotations.end(), key,
                                   [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return at != annotations.end() && at->first == key ? &at->second : nullptr;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<std::size_t> rank_of(std::string_view item, std::span<const std::uint16_t> target_ports) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), port);
  if (error != std::errc() || end != item.data() + item.size()) return std::nullopt;
  const auto found = std::find(target_ports.begin(), target_ports.end(), port);
  if (found == target_ports.end()) return std::nullopt;
  return static_cast<std::size_t>(found - target_ports.begin());
}

}  // namespace

ActivePorts active_ports(const kube::Labels& annotations, std::span<const std::uint16_t> target_ports) {
  target_ports = target_ports.first(std::min(target_ports.size(), kMaxTargetPorts));
  ActivePorts active;
  std::string_view key = kActivePorts;
  const std::string* value = value_of(annotations, key);
  if (value == nullptr) value = value_of(annotations, key = kActivePortsFormerly);
  if (value == nullptr) {
    for (std::size_t rank = 0; rank < target_ports.size(); ++rank)
      active.ranks.set(rank);
    return active;
  }

  std::string_view rest = *value;
  std::string_view first_bad;
  std::size_t bad = 0;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view item = trim(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (item.empty()) continue;
    if (const auto rank = rank_of(item, target_ports)) {
      active.ranks.set(*rank);
    } else if (bad++ == 0) {
      first_bad = item;
    }
  }
  if (bad > 0) {
    active.warning = "annotation " + std::string(key) + ": " + std::to_string(bad) +
                     (bad == 1 ? " item is" : " items are") + " no target port of the pool: \"" +
                     std::string(first_bad.substr(0, kShownBytes)) + (bad == 1 ? "\"" : "\", ...");
  }
  return active;
}

}  // namespace epp::discovery
