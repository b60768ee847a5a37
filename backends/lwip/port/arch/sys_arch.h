/* What lwIP's threads are made of where C++ has threads: port/threads.cpp. With NO_SYS 1 nobody includes this. */
#ifndef NAL_LWIP_ARCH_SYS_ARCH_H
#define NAL_LWIP_ARCH_SYS_ARCH_H

#ifdef __cplusplus
extern "C" {
#endif

struct nal_lwip_semaphore;
struct nal_lwip_mutex;
struct nal_lwip_mailbox;
typedef struct nal_lwip_semaphore* sys_sem_t;
typedef struct nal_lwip_mutex* sys_mutex_t;
typedef struct nal_lwip_mailbox* sys_mbox_t;
typedef int sys_thread_t; /* nobody asks */
typedef int sys_prot_t;

#define sys_sem_valid(sem) (*(sem) != 0)
#define sys_sem_set_invalid(sem) (*(sem) = 0)
#define sys_mutex_valid(mutex) (*(mutex) != 0)
#define sys_mutex_set_invalid(mutex) (*(mutex) = 0)
#define sys_mbox_valid(mailbox) (*(mailbox) != 0)
#define sys_mbox_set_invalid(mailbox) (*(mailbox) = 0)

/* Whether this thread holds it. */
int nal_lwip_holds(const struct nal_lwip_mutex* mutex);

#ifdef __cplusplus
}
#endif

#endif
