// fails FUNCTION_IS_NO_COROUTINE: no matching (member )?function .*start & return-type-requirement|same_as<
// fails TASK_OF_ANOTHER_RESULT: no matching (member )?function .*start & return-type-requirement|same_as<
// fails ARGUMENT_MISSING: no matching (member )?function .*start & function
// fails ARGUMENT_OF_WRONG_TYPE: no matching (member )?function .*start & function
// fails POOL_TASK_OF_ANOTHER_RESULT: no matching (member )?function .*start
// fails SLOT_COPIED: deleted & TaskSlot|RootTask
#include "nal/task_slot.hpp"

nal::Task<> job(int& number);
nal::Task<nal::Result<int>> other_job(int& number);
nal::Result<> function(int& number);

nal::Result<> start(nal::Executor& executor, nal::TaskSlot<512>& slot, int& number) {
#if defined(FUNCTION_IS_NO_COROUTINE)
  return slot.start(executor, function, number);
#elif defined(TASK_OF_ANOTHER_RESULT)
  return slot.start(executor, other_job, number);
#elif defined(ARGUMENT_MISSING)
  return slot.start(executor, job);
#elif defined(ARGUMENT_OF_WRONG_TYPE)
  return slot.start(executor, job, "text");
#else
  return slot.start(executor, job, number);
#endif
}

nal::Result<> start(nal::Executor& executor, nal::TaskPool<4, 512>& pool, int& number) {
#ifdef POOL_TASK_OF_ANOTHER_RESULT
  return pool.start(executor, other_job, number);
#else
  return pool.start(executor, job, number);
#endif
}

#ifdef SLOT_COPIED
nal::TaskSlot<512> twin(nal::TaskSlot<512>& slot) { return slot; }
#endif
