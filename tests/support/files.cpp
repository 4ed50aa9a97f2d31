#include "support/files.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include <stdlib.h>

namespace epp::testing {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "epp-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path draft = path.string() + ".draft";
  std::ofstream file(draft, std::ios::binary);
  file << content;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + draft.string());
  std::filesystem::rename(draft, path);
}

}  // namespace epp::testing
