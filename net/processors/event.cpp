#include "net/processors/event.h"

namespace holdfast::net {

engine::Instant told_of(const ToldStep& step) {
  using engine::AdviceKind;
  switch (step.kind.value_or(AdviceKind::capture)) {
    case AdviceKind::set_hold:
    case AdviceKind::expire:
    case AdviceKind::disown:
      return step.at;
    case AdviceKind::capture:
    case AdviceKind::reverse:
    case AdviceKind::refund:
    case AdviceKind::refund_reversal:
    case AdviceKind::post:
    case AdviceKind::adopt:
      return engine::kNoInstant;
  }
  return engine::kNoInstant;
}

}  // namespace holdfast::net
