// Parameters and pointers from anywhere: the first line is a JSON pointer, the rest the parameters.
#include "plugins/parameter_tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string_view pointer = input.substr(0, line);
  const std::string text(input.substr(std::min(line + 1, input.size())));
  const epp::plugins::ParameterTree tree(text);
  tree.kind(pointer);
  tree.boolean(pointer);
  tree.number(pointer);
  const uint64_t count = tree.count(pointer);
  tree.string(pointer);
  for (uint64_t i = 0; i <= std::min<uint64_t>(count, 8); ++i)
    tree.key(pointer, i);
  return 0;
}
