#include "check/odd_values.h"

#include <array>
#include <limits>

namespace epp::check {

namespace {

using Doubles = std::numeric_limits<double>;
using Integers = std::numeric_limits<int64_t>;

constexpr std::array kDoubles = {0.0,
                                 -0.0,
                                 1.0,
                                 -1.0,
                                 1e-300,
                                 Doubles::denorm_min(),
                                 Doubles::epsilon(),
                                 1e18,
                                 1e300,
                                 Doubles::max(),
                                 Doubles::lowest(),
                                 Doubles::infinity(),
                                 -Doubles::infinity()};
// INT64_MIN is the missing value.
constexpr std::array<int64_t, 9> kIntegers = {
    0, 1, -1, 1 << 20, int64_t{1} << 53, Integers::max(), Integers::max() - 1, Integers::min() + 1, 4294967296};

}  // namespace

double odd_f64(Values kind, Random& random) {
  if (kind == Values::kExtreme && !random.one_in(3)) return kDoubles[random.below(kDoubles.size())];
  return random.one_in(2) ? random.fraction() : static_cast<double>(random.below(200));
}

int64_t odd_i64(Values kind, Random& random) {
  if (kind == Values::kExtreme && !random.one_in(3)) return kIntegers[random.below(kIntegers.size())];
  return static_cast<int64_t>(random.below(10'000));
}

std::string odd_text(Values kind, Random& random) {
  if (kind != Values::kExtreme) {
    static constexpr std::array<const char*, 8> kTexts = {
        "llama-3-8b", "a", "10", "0.5", "decode", "true", "10.0.0.1:8000", "default/pod-1-rank-0"};
    return kTexts[random.below(kTexts.size())];
  }
  switch (random.below(8)) {
    case 0:
      return {};
    case 1:
      return std::string(65536, 'x');
    case 2:
      return std::string("\xff\xfe\x00\x80", 4);
    case 3:
      return "-1";
    case 4:
      return "99999999999999999999999999";
    case 5:
      return "{\"a\":[1,2,{\"b\":";
    case 6:
      return " ,;=\t\r\n\"%20../";
    default: {
      std::string text(random.below(64), '\0');
      for (char& c : text)
        c = static_cast<char>(random.below(256));
      return text;
    }
  }
}

std::vector<std::string> odd_texts(Values kind, Random& random) {
  std::vector<std::string> texts(random.below(kind == Values::kExtreme ? 20 : 4));
  for (std::string& text : texts) {
    text = odd_text(kind, random);
    if (text.size() > 1000) text.resize(1000);
  }
  return texts;
}

std::vector<uint32_t> odd_u32s(Values kind, Random& random) {
  std::vector<uint32_t> values(random.below(kind == Values::kExtreme ? 5000 : 64));
  for (uint32_t& value : values)
    value = static_cast<uint32_t>(kind == Values::kExtreme && random.one_in(4) ? UINT32_MAX : random.below(50'000));
  return values;
}

}  // namespace epp::check
