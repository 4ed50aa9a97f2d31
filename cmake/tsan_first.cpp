// ThreadSanitizer builds only, first in the link of every test: of the inline functions that all objects share, the
// linker keeps the first copy. What follows must not come from an object that stays outside of the tool (see
// epp_uninstrumented): it would not see that shared_ptr orders the last use before the destruction.
#include <memory>

namespace {

using Count = std::_Sp_counted_base<__gnu_cxx::__default_lock_policy>;

[[gnu::used]] void (Count::*const kRelease)() noexcept = &Count::_M_release;
[[gnu::used]] void (Count::*const kWeakRelease)() noexcept = &Count::_M_weak_release;
[[gnu::used]] void (Count::*const kReleaseLastUse)() noexcept = &Count::_M_release_last_use;
[[gnu::used]] void (Count::*const kReleaseLastUseCold)() noexcept = &Count::_M_release_last_use_cold;

}  // namespace
