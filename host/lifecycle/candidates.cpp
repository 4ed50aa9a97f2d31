#include "lifecycle/candidates.h"

#include "lifecycle/headers.h"

#include <algorithm>

namespace epp::lifecycle {

void SubsetHint::read(const MetadataValue& metadata) {
  const MetadataValue* space = metadata.find(metadata::kSubsetNamespace);
  const MetadataValue* hint = space ? space->find(metadata::kSubset) : nullptr;
  if (hint == nullptr) return;
  if (hint->kind != MetadataValue::Kind::kList && hint->kind != MetadataValue::Kind::kString) return;
  restricts_ = true;
  entries_.clear();
  if (hint->kind == MetadataValue::Kind::kList) {
    for (const MetadataValue& element : hint->list) {
      if (element.kind == MetadataValue::Kind::kString) add(element.text);
    }
    return;
  }
  for (std::string_view rest = hint->text; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    add(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
}

void SubsetHint::add(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  Entry entry;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    entry.address = text.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close != std::string_view::npos && text.substr(close + 1).starts_with(':')) entry.port = text.substr(close + 2);
  } else if (const std::size_t colon = text.rfind(':'); colon == text.find(':') && colon != std::string_view::npos) {
    entry.address = text.substr(0, colon);
    entry.port = text.substr(colon + 1);
  } else {
    entry.address = text;  // no colon, or an IPv6 address: a port would need brackets
  }
  if (!entry.address.empty()) entries_.push_back(std::move(entry));
}

bool SubsetHint::allows(std::string_view address, std::string_view port, bool strict_ports) const {
  if (!restricts_) return true;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.address == address && (!strict_ports || entry.port.empty() || entry.port == port);
  });
}

void select_candidates(const endpoints::Snapshot& snapshot, const SubsetHint& hint, const CandidateOptions& options,
                       std::vector<std::uint32_t>& slots) {
  slots.clear();
  if (options.ignore_hint || !hint.restricts()) {
    slots.assign(snapshot.slots().begin(), snapshot.slots().end());
    return;
  }
  for (std::uint32_t slot : snapshot.slots()) {
    const endpoints::EndpointSpec& spec = snapshot.endpoint(slot)->spec();
    if (hint.allows(spec.address, spec.port, options.strict_ports)) slots.push_back(slot);
  }
}

}  // namespace epp::lifecycle
