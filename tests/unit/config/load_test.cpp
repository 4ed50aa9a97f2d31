// Where the configuration comes from.
#include "config/decode.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Load : public ::testing::Test {
 protected:
  Load() {
    std::string path = ::testing::TempDir() + "epp-load-XXXXXX";
    directory_ = ::mkdtemp(path.data());
  }
  ~Load() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& text) const {
    const std::filesystem::path path = directory_ / "epp.yaml";
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  bool load(const std::string& file, const std::string& text) {
    loaded_ = {};
    diagnostics_ = {};
    return load_config(file, text, loaded_, diagnostics_);
  }
  std::string error() const { return render(diagnostics_.all().at(0), loaded_.source); }

  std::filesystem::path directory_;
  LoadedConfig loaded_;
  Diagnostics diagnostics_;
};

TEST_F(Load, NothingAndNothingWrittenAreTheDefault) {
  ASSERT_TRUE(load("", ""));
  EXPECT_EQ(loaded_.config.plugins.size(), 5U);
  EXPECT_EQ(loaded_.source.file(), "built-in default");
  ASSERT_TRUE(load(file(""), ""));
  EXPECT_EQ(loaded_.config.plugins.size(), 5U);
}

TEST_F(Load, BlanksAndCommentsAreAnEmptyDocument) {
  ASSERT_TRUE(load(file("# nothing\n"), ""));
  EXPECT_TRUE(loaded_.config.plugins.empty());
  ASSERT_TRUE(load("", " \n"));
  EXPECT_TRUE(loaded_.config.plugins.empty());
}

TEST_F(Load, TextGoesBeforeTheFile) {
  ASSERT_TRUE(load(file("plugins: [{type: a}, {type: b}]"), "plugins: [{type: c}]"));
  ASSERT_EQ(loaded_.config.plugins.size(), 1U);
  EXPECT_EQ(loaded_.config.plugins[0].name, "c");
  EXPECT_EQ(loaded_.source.file(), "--config-text");
}

TEST_F(Load, ErrorsNameTheFile) {
  const std::string path = file("plugins:\n- type: 5\n");
  ASSERT_FALSE(load(path, ""));
  EXPECT_THAT(error(), HasSubstr("(" + path + ":2:9 at /plugins/0/type; expected a string)"));
}

TEST_F(Load, FilesThatCannotBeRead) {
  const std::string missing = (directory_ / "missing").string();
  ASSERT_FALSE(load(missing, ""));
  EXPECT_THAT(error(), StartsWith("failed to load config from a file '" + missing + "' - open " + missing + ": "));
  ASSERT_FALSE(load(directory_.string(), ""));
  EXPECT_THAT(error(), StartsWith("failed to load config from a file '" + directory_.string() + "' - "));
}

TEST_F(Load, BytesThatAreNotUtf8InAQuantityAreAnError) {
  EXPECT_FALSE(load("", "featureGates: [flowControl]\nflowControl: {maxBytes: {unit: !!binary '/5w='}}"));
  EXPECT_THAT(error(), HasSubstr("at /flowControl/maxBytes"));
}

TEST_F(Load, LargeFilesAreRefused) {
  ASSERT_FALSE(load(file(std::string(kMaxDocumentBytes + 1, '#')), ""));
  EXPECT_THAT(error(), HasSubstr("expected at most 4194304 bytes"));
}

}  // namespace
}  // namespace epp::config
