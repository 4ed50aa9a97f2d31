#include "lifecycle/dynamic_metadata.h"

namespace epp::lifecycle {

void flatten_metadata(const MetadataValue& metadata, std::vector<plugins::MetadataEntry>& entries) {
  entries.clear();
  for (const auto& [name_space, object] : metadata.fields) {
    entries.emplace_back().name_space = name_space;
    for (const auto& [key, value] : object.fields) {
      const bool is_number = value.kind == MetadataValue::Kind::kNumber;
      if (!is_number && value.kind != MetadataValue::Kind::kString) continue;
      plugins::MetadataEntry& entry = entries.emplace_back();
      entry.name_space = name_space;
      entry.key = key;
      entry.is_number = is_number;
      entry.number = value.number;
      entry.text = value.text;
    }
  }
}

void add_metadata(std::span<const plugins::MetadataEntry> entries, MetadataValue& metadata) {
  for (const plugins::MetadataEntry& entry : entries) {
    metadata.field(entry.name_space).field(entry.key) =
        entry.is_number ? MetadataValue::of(entry.number) : MetadataValue::of(entry.text);
  }
}

}  // namespace epp::lifecycle
