// What instances answer to get_extension.
#include "check/creation.h"
#include "check/known_points.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace epp::check {

namespace {

// Asks with an id that is followed by other bytes: ids are not terminated.
const void* ask(const epp_instance& instance, std::string_view id, std::string_view followed_by = "\xff!") {
  std::string text(id);
  text += followed_by;
  const epp_str shown{text.data(), id.size()};
  return instance.get_extension(&instance, shown);
}

// From memory that ends with the id, for sanitizers.
const void* ask_exactly(const epp_instance& instance, std::string_view id) {
  const std::unique_ptr<char[]> bytes(new char[id.size()]);
  std::memcpy(bytes.get(), id.data(), id.size());
  return instance.get_extension(&instance, {bytes.get(), id.size()});
}

bool listed(const epp_type& type, std::string_view id) {
  const epp_str* const begin = type.extensions.items;
  return std::any_of(begin, begin + type.extensions.count,
                     [id](epp_str text) { return std::string_view(text.data, text.size) == id; });
}

}  // namespace

void judge_tables(const epp_type& type, const epp_instance& instance, Stage& stage) {
  const auto fail = [&](std::string text) { stage.channel().fail("create.tables", stage.type(), std::move(text)); };
  if (instance.get_extension == nullptr) return;  // the host says so
  size_t served = 0;
  for (const KnownPoint& point : known_points()) {
    const std::string id(point.id);
    const void* table = ask_exactly(instance, point.id);
    if (table == nullptr) continue;
    if (table != ask(instance, point.id)) fail("Answers " + id + " with another table the second time.");
    if (table == ask(instance, id + "2", "") && point.id != id + "2") fail("Takes " + id + "2 for " + id + '.');
    if (!listed(type, point.id)) {
      stage.channel().warn("create.tables", stage.type(),
                           "Serves " + id + ", which its descriptor does not list: the host will not ask.");
      continue;
    }
    ++served;
    const uint32_t size = *static_cast<const uint32_t*>(table);
    if (size < point.size_v1) {
      fail("The table of " + id + " says size " + std::to_string(size) + ", version 1 has " +
           std::to_string(point.size_v1) + '.');
      continue;
    }
    for (const size_t offset : point.mandatory) {
      void (*function)() = nullptr;
      std::memcpy(&function, static_cast<const char*>(table) + offset, sizeof function);
      if (function == nullptr)
        fail("The table of " + id + " has no function at offset " + std::to_string(offset) + '.');
    }
  }
  if (ask(instance, "epp.no-such-point/1") != nullptr) fail("Answers epp.no-such-point/1 with a table.");
  if (ask(instance, "", "epp.scorer/1") != nullptr) fail("Answers the empty id with a table.");
  if (served == 0 && type.extensions.count != 0) fail("Serves none of the extension points that its type lists.");
}

}  // namespace epp::check
