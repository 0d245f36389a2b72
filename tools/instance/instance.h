/* instance - what the verbs of lima-instance share: the request, the instance's paths and lock, its state. */
#ifndef LIMA_INSTANCE_H
#define LIMA_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"
#include "lock.h"

/* What the user asked for. Empty and NULL mean "not given". The strings belong to main. */
struct request {
	const char *name;     /* the instance */
	const char *template;
	const struct buf *text; /* the description of a new instance, complete; instead of template and settings */
	struct strv settings; /* changes to lima.yaml as options of lima-render: "--cpus=2" (settings.h) */
	const char *command;  /* a shell command line for `shell` (CMD=) */
	char *const *args;    /* what follows the instance name on the command line; NULL-terminated */
	bool force, quiet, json;
	bool confirm;         /* CONFIRM=yes: a disk may be set aside for a new one */
	int timeout_s;        /* how long start waits for READY */
};

struct instance {
	char *name, *home, *dir;
	char *hostname;
	struct lock lock;
};

/* Checks the name and computes the paths; creates nothing. instance_close releases the lock too. */
int instance_open(const char *name, struct instance *in, struct err *e);
void instance_close(struct instance *in);
/* DIR/file; the caller frees it. */
char *instance_path(const struct instance *in, const char *file);
/* Whether it has a lima.yaml. */
bool instance_exists(const struct instance *in);
/* An error when it does not exist, with what to do (EXIT_NO). */
int instance_must_exist(const struct instance *in, struct err *e);
/* Takes $LIMA_HOME/_locks/NAME, waiting for another command on the same instance; creates LIMA_HOME when missing. */
int instance_lock(struct instance *in, struct err *e);

/* What an instance is doing, derived afresh from locks and sockets each time. */
enum state {
	ST_MISSING,
	ST_STOPPED,
	ST_STARTING,
	ST_RUNNING,
	ST_DEGRADED,
	ST_PAUSED,   /* the guest stands still: paused, or by a disk that failed */
	ST_HANGING,  /* QEMU or the host agent does not answer; nothing is killed for that */
	ST_STOPPING,
	ST_ORPHANED, /* a machine without host agent */
};
const char *state_name(enum state s); /* "Running", ... */
struct state_info {
	enum state state;
	pid_t agent_pid, qemu_pid;
	int ssh_port;
	char *why; /* what is wrong and what to do, when /v1/info cannot tell; may be NULL */
	char *json; /* the body of GET /v1/info, NULL without host agent */
};
/* Never fails: what cannot be asked is told in `why`. state_free afterwards. */
void state_read(const struct instance *in, struct state_info *s);
void state_free(struct state_info *s);
/* Whether there is a host agent or a machine, without asking either. */
bool instance_up(const struct instance *in);
/* Prints on one screen what an instance does, what is wrong with it, and what to do (status.c). */
struct kv;
void status_print(const struct instance *in, const struct state_info *s, const struct kv *conf);
/* The errors of /v1/info, joined by "; ". The caller frees it. */
char *state_errors(const struct state_info *s);

/* Progress for people, on stderr: "lima: text". Silent with --quiet. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern bool say_quiet;
/* Takes what say() would print, when set (limactl writes log lines); what lima-render says about a description too: its warnings
 * with `warning`, its errors as the error of the step instead of a reference to standard error. */
extern void (*say_to)(const char *text, bool warning);
/* Hands the output of a tool that was collected on, line by line, without the tool's name: to say_to, or to stderr as it is. With a
 * status that is not 0 and say_to, what are errors goes to *e instead; returns whether it did. */
bool say_collected(const char *tool, const struct buf *notes, int status, struct err *e);

/* --- the steps that verbs are made of --- */

/* What step_source did, for the steps behind it. Zeroed before; source_free after. */
struct source {
	bool created;
	struct buf record; /* see record_read */
	char *old_disk;    /* the folder that the old disk was moved to; NULL = it was not */
};
/* Creates DIR with lima.yaml from the request's template when it does not exist. For an existing one applies the sizes
 * and expressions given; a description that changed is told, and refused when it needs a new disk, unless that is
 * confirmed. The lock must be held. */
int step_source(const struct instance *in, const struct request *rq, struct source *s, struct err *e);
void source_free(struct source *s);
/* Adds the request's settings as lima-render takes them; returns how many there are. */
size_t request_settings(const struct request *rq, struct strv *argv);
/* Before something is undone for a start: whether the start would be refused. Writes nothing. */
int step_check(const struct instance *in, const struct request *rq, struct err *e);
/* Writes every file that is derived from the description, by lima-render; fetches and starts nothing. */
int step_render(const struct instance *in, struct err *e);
/* Runs mk/instance.mk in DIR with a goal ("create", "start"). */
int step_make(const struct instance *in, const char *goal, struct err *e);
/* For step_make: runs it without its own words, unless V=1 is in the environment (quiet.c). *status as spawn_wait. When it failed and
 * say_to takes what the recipes say, the last of that is in *e, although the run as such succeeded. */
int make_run(char *const *argv, int *status, struct err *e);
bool make_is_verbose(void);
/* Source and products: step_source, step_make, and the record of what was built. What a failed run of a new instance made is
 * removed again. */
int step_build(const struct instance *in, const struct request *rq, const char *goal, struct err *e);
/* Starts the host agent and waits until it answers on ha.sock. */
int step_launch(const struct instance *in, struct err *e);
/* Follows the host agent's events until READY, an error, or the time is up. */
int step_follow(const struct instance *in, int timeout_s, struct err *e);
/* Asks the host agent to stop the machine (started for the purpose when a QEMU is there without one) and waits. */
int step_stop(const struct instance *in, bool force, struct err *e);
/* The same without a word. While it waits, `call` is called when `fd` is readable; NULL = nothing to look at. */
struct watch {
	int fd;
	void (*call)(void *arg);
	void *arg;
};
int machine_stop(const struct instance *in, bool force, const struct watch *watch, struct err *e);
/* Ends QEMU and the host agent by SIGKILL, whatever state they are in, and removes pid files, sockets and temporary files. The
 * processes are known by the locks they hold, so no stranger with the number of a stale pid file is hit. */
int machine_kill(const struct instance *in, struct err *e);
/* Takes the marks of this instance from its data disks. */
void disks_release(const struct instance *in);
/* Removes the directory of a stopped instance, and its marks on data disks. */
int step_delete(const struct instance *in, struct err *e);

/* --- plan.c: what the instance was last built from, and what separates that from what it is told now --- */

/* Appends the texts that describe the instance: `yaml` (NULL: DIR/lima.yaml) and the two of _config. */
int record_read(const struct instance *in, const struct buf *yaml, struct buf *record, struct err *e);
/* Whether the last successful build was made from these. */
bool record_equal(const struct instance *in, const struct buf *record);
/* Keeps them, and the resolved document of this build. */
int record_write(const struct instance *in, const struct buf *record, struct err *e);
/* The output of lima-render --plan with the request's settings, and its template if wanted. Warnings are left out when
 * they are `told` by another step. */
int plan_read(const struct instance *in, const struct request *rq, bool use_template, bool told, struct buf *text,
	      struct err *e);
bool plan_new_disk(const struct buf *plan);
/* Says the lines of a plan in which something changes. */
void plan_tell(const struct buf *plan);
/* An error (EXIT_NO) when there is a disk that the plan would replace and the request does not confirm it. */
int plan_allowed(const struct instance *in, const struct request *rq, const struct buf *plan, struct err *e);

/* --- live.c: a machine that runs, and a description that changed --- */

/* Has the host agent look at agent.conf again. What holds at once is told, what waits for a restart too; with
 * `tell_nothing` also that there is nothing. */
void live_apply(const struct instance *in, bool tell_nothing);
/* What was built since the machine was started and waits for a restart, as a text: "" when nothing does. `json` is the body of
 * /v1/info, or NULL. The caller frees it. */
char *live_waiting(const struct instance *in, const char *json);
/* Lets a machine that stands still go on. */
int live_resume(const struct instance *in, struct err *e);
/* Prints the message of lima.yaml on standard error, if there is one. */
void live_message(const struct instance *in);

/* --- renew.c --- */

bool disk_exists(const struct instance *in);
/* Moves the disk, if there is one, with its image to a new folder DIR/diffdisk.old.N (*folder, the caller frees it; NULL
 * when there was no disk), and removes what was made from the image. The machine must be stopped. */
int disk_set_aside(const struct instance *in, char **folder, struct err *e);
/* The way back, for a build that failed; does nothing when there is a disk by now. What fails is told. */
void disk_put_back(const struct instance *in, const char *folder);

/* --- talking to ha.sock --- */

/* One request; appends the body of the answer (at most 64 MiB, any bytes) to *ret_body. The HTTP status, or -1; EXIT_NO when nobody
 * listens. */
int agent_exchange(const struct instance *in, const char *method, const char *path, const char *body, int timeout_ms,
		   struct buf *ret_body, struct err *e);
/* The reason in the body {"message":...} of an answer that is an error. The caller frees it. */
char *agent_reason(const struct buf *body);
/* The same for texts, where every status but 2xx is an error; the body in *ret_body, the caller frees it. */
int agent_request(const struct instance *in, const char *method, const char *path, const char *body, int timeout_ms,
		  char **ret_body, struct err *e);
/* Opens GET /v1/events; the descriptor delivers one JSON object a line. With `now` the first is the present state, without the
 * past. */
int agent_events(const struct instance *in, bool now, struct err *e);

/* --- verbs: each in its own file; the exit status of the program --- */
int verb_create(const struct request *rq, struct err *e);
int verb_start(const struct request *rq, struct err *e);
int verb_stop(const struct request *rq, struct err *e);
int verb_restart(const struct request *rq, struct err *e);
int verb_delete(const struct request *rq, struct err *e);
int verb_list(const struct request *rq, struct err *e);
int verb_status(const struct request *rq, struct err *e);
int verb_shell(const struct request *rq, struct err *e);
int verb_logs(const struct request *rq, struct err *e);
int verb_plan(const struct request *rq, struct err *e);
int verb_validate(const struct request *rq, struct err *e);
int verb_networks(const struct request *rq, struct err *e);
int verb_prune(const struct request *rq, struct err *e);
int verb_protect(const struct request *rq, struct err *e);
int verb_unprotect(const struct request *rq, struct err *e);

#endif
