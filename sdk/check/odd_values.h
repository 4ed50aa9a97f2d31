// Values as attributes, headers and texts have them: ordinary ones, and the ones that nobody thinks of.
#pragma once

#include "check/random.h"
#include "check/stage.h"

#include <cstdint>
#include <string>
#include <vector>

namespace epp::check {

double odd_f64(Values kind, Random& random);
int64_t odd_i64(Values kind, Random& random);
std::string odd_text(Values kind, Random& random);
std::vector<std::string> odd_texts(Values kind, Random& random);
std::vector<uint32_t> odd_u32s(Values kind, Random& random);

}  // namespace epp::check
