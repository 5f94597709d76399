"""Child processes: the only place that starts one.

Every child runs in its own session and process group, with a deadline, with bounded output kept, and is known to the
register of its run, if it has one, so that an interrupted run can end all of its own. Not here: anything about git.
"""

from gitalign.child.bounded import run_bounded as run_bounded
from gitalign.child.conversation import Conversation as Conversation
from gitalign.child.processes import KILL_GRACE_S as KILL_GRACE_S
from gitalign.child.processes import STDERR_KEPT_BYTES as STDERR_KEPT_BYTES
from gitalign.child.processes import Call as Call
from gitalign.child.processes import ChildEnded as ChildEnded
from gitalign.child.processes import ChildRegister as ChildRegister
from gitalign.child.processes import ChildSaidTooMuch as ChildSaidTooMuch
from gitalign.child.processes import ChildTimedOut as ChildTimedOut
from gitalign.child.processes import Completed as Completed
from gitalign.child.processes import Process as Process
from gitalign.child.processes import dies_with_parent as dies_with_parent
from gitalign.child.processes import end_group as end_group
from gitalign.child.processes import forget as forget
from gitalign.child.processes import kill_group as kill_group
from gitalign.child.running import attended as attended
from gitalign.child.running import pipe as pipe
from gitalign.child.running import run as run
from gitalign.child.running import shown_by as shown_by
from gitalign.child.running import start_unattended as start_unattended
