// The golden table of prefix hash chains.
#include "common/prefix_hash.h"

#include <numeric>

#include <gtest/gtest.h>

namespace {

using epp::builtin::append_prefix_hashes;
using epp::builtin::prefix_seed;
using epp::builtin::xxh64;

std::vector<uint32_t> range(uint32_t from, uint32_t count) {
  std::vector<uint32_t> out(count);
  std::iota(out.begin(), out.end(), from);
  return out;
}

TEST(ProducerCheck, C01_PrefixHashGoldenTable) {
  struct Row {
    const char *model, *salt;
    std::vector<uint32_t> tokens;
    size_t block;
    uint64_t seed;
    std::vector<uint64_t> hashes;
  };
  const uint64_t kM = 0xba2e567083a2b2e8;
  const std::vector<Row> rows = {
      {"m", "", range(1, 4), 2, kM, {0xbdeada2071943583, 0x7aacfb531261b051}},
      {"m", "", range(1, 3), 2, kM, {0xbdeada2071943583, 0xd3db268f6075ef28}},
      {"m", "salt", range(1, 4), 2, 0xd91548f60ba19b9b, {0x6b0e68c54f9ceac3, 0xf1433d4ff41f4429}},
      {"model", "", range(1, 4), 2, 0xe1eeca7af8e0b529, {0xffdca57d22906a0b, 0x9f53fe5600b4b914}},
      {"model", "", range(3, 2), 2, 0xe1eeca7af8e0b529, {0xe3c1183459dad609}},
      {"m", "", range(1, 10), 4, kM, {0xff375b446cd15b25, 0xd0e13dbe79e3cd40, 0x6c0f38e4493e1b53}},
      {"m", "", range(0, 128), 64, kM, {0x9504d79d090c075d, 0x02e5e0d1ab3a2586}},
      {"m", "", std::vector<uint32_t>(75, 0x61616161), 64, kM, {0x3f61340d0ed082d6, 0xc0fc3b945fd735df}},
      {"m", "", {1819043176, 1870078063, 6581362}, 64, kM, {0xf6615699d17cb474}},
      {"m", "salt", {1819043176, 1870078063, 6581362}, 64, 0xd91548f60ba19b9b, {0x12f859096040051f}},
      {"llama",
       "",
       range(1, 130),
       64,
       prefix_seed("llama", ""),
       {0x32d422950b8b1869, 0xb59e84879c30b344, 0x49ab8ac9ef5011ff}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(prefix_seed(row.model, row.salt), row.seed);
    std::vector<uint64_t> hashes;
    append_prefix_hashes(row.seed, row.tokens, row.block, SIZE_MAX, hashes);
    EXPECT_EQ(hashes, row.hashes) << row.model << ' ' << row.salt << ' ' << row.tokens.size();
  }
}

TEST(PrefixHash, OfNothing) {
  EXPECT_EQ(xxh64(std::string_view()), 0xef46db3751d8e999u);
  std::vector<uint64_t> hashes;
  append_prefix_hashes(1, {}, 64, SIZE_MAX, hashes);
  EXPECT_TRUE(hashes.empty());
}

TEST(PrefixHash, StopsAtTheBlockLimitAndAppends) {
  const auto tokens = range(1, 10);
  std::vector<uint64_t> all;
  append_prefix_hashes(7, tokens, 4, SIZE_MAX, all);
  std::vector<uint64_t> hashes{42};
  append_prefix_hashes(7, tokens, 4, 2, hashes);
  EXPECT_EQ(hashes, (std::vector<uint64_t>{42, all[0], all[1]}));
  append_prefix_hashes(7, tokens, 4, 0, hashes);
  EXPECT_EQ(hashes.size(), 3u);
}

}  // namespace
