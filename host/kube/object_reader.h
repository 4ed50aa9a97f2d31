// API objects and watch events from their text.
#pragma once

#include "kube/objects.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::kube {

// The object without metadata.managedFields, which is often the larger half and never of interest. nullopt when the
// text is no JSON object; `why` then says so.
[[nodiscard]] std::optional<Json> read_object(std::string_view text, std::string& why);

enum class EventType : std::uint8_t { kAdded, kModified, kDeleted, kBookmark, kError, kUnknown };

// {"type":"ADDED","object":{...}}, likewise without managedFields. `event` is valid until the Json is changed.
[[nodiscard]] std::optional<Json> read_event(std::string_view text, std::string& why);
[[nodiscard]] EventType event_type(const Json& event);

// Strings of an object; empty when absent or of another type.
[[nodiscard]] std::string_view metadata_text(const Json& object, const char* field);

// "namespace/name"; "/" when there is neither.
[[nodiscard]] std::string object_key(const Json& object);

// The name in the beginning of an object's text that could not be read; empty when there is none to be seen.
[[nodiscard]] std::string guess_name(std::string_view head);

}  // namespace epp::kube
