#include "lifecycle/messages.h"

namespace epp::lifecycle {

const MetadataValue* MetadataValue::find(std::string_view key) const {
  for (auto it = fields.rbegin(); it != fields.rend(); ++it) {
    if (it->key == key) return &it->value;
  }
  return nullptr;
}

MetadataValue& MetadataValue::field(std::string_view key) {
  kind = Kind::kObject;
  for (auto& [name, value] : fields) {
    if (name == key) return value;
  }
  fields.push_back({key, {}});
  return fields.back().value;
}

MetadataValue MetadataValue::of(std::string_view text) {
  MetadataValue value;
  value.kind = Kind::kString;
  value.text = text;
  return value;
}

MetadataValue MetadataValue::of(double number) {
  MetadataValue value;
  value.kind = Kind::kNumber;
  value.number = number;
  return value;
}

std::size_t Inbound::body_size() const {
  std::size_t size = 0;
  for (std::string_view piece : body)
    size += piece.size();
  return size;
}

void Inbound::clear() {
  kind = Kind::kNone;
  end_of_stream = false;
  headers.clear();
  body.clear();
  body_owner.reset();
  metadata = MetadataValue{};
}

}  // namespace epp::lifecycle
