// fails TASK_GIVES_NO_RESULT: a nal::Task must be able to say no_memory: use nal::Task<nal::Result<T>>
// fails RESULT_OF_NOTHING: use nal::Result<> for a result without a value
// fails RESULT_OF_REFERENCE: a nal::Result holds a value; use a pointer
// fails RETURNS_WRONG_VALUE: return_value|convert|conversion & const char
// fails TASK_COPIED: deleted & Task
#include "nal/task.hpp"

#if defined(TASK_GIVES_NO_RESULT)
nal::Task<int> answer();
auto use() { return answer().valid(); }
#endif
#if defined(RESULT_OF_NOTHING)
nal::Result<void> nothing;
#endif
#if defined(RESULT_OF_REFERENCE)
bool ask(nal::Result<int&> result) { return result.has_value(); }
#endif

nal::Task<nal::Result<int>> number() {
#ifdef RETURNS_WRONG_VALUE
  co_return "forty-two";
#else
  co_return 42;
#endif
}

nal::Task<nal::Result<int>> pass_on(nal::Task<nal::Result<int>>& task) {
#ifdef TASK_COPIED
  return task;
#else
  return std::move(task);
#endif
}
