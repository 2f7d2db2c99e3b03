"""Whole logs of failed jobs, with causes and their consequences: what each must be called."""

# ruff: noqa: E501

from __future__ import annotations

WHOLE: list[tuple[str, str]] = [
    (
        "python_exception",
        """\
Traceback (most recent call last):
  File "/x/train.py", line 10, in <module>
    main()
  File "/x/train.py", line 5, in main
    loss = model(x)
RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x10 and 12x5)
[2024-01-01 00:00:00,000] torch.distributed.elastic.multiprocessing.api: [ERROR] failed (exitcode: 1) local_rank: 0 (pid: 42) of binary: /usr/bin/python
Traceback (most recent call last):
  File "/usr/bin/torchrun", line 8, in <module>
    sys.exit(main())
  File "/x/torch/distributed/run.py", line 806, in main
    run(args)
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
  <NO_OTHER_FAILURES>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2024-01-01_00:00:00
  host      : n1
  rank      : 0 (local_rank: 0)
  exitcode  : 1 (pid: 42)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
============================================================
srun: error: n1: task 0: Exited with exit code 1
""",
    ),
    (
        "cuda_oom",
        """\
[rank1]: Traceback (most recent call last):
[rank1]:   File "/x/train.py", line 10, in <module>
[rank1]:     main()
[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 79 GiB of which 1 GiB is free. Process 42 has 78 GiB memory in use. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for Memory Management
[rank0]:[E ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=6) ran for 600000 milliseconds before timing out.
terminate called after throwing an instance of 'c10::DistBackendError'
  what():  [PG ID 0 Rank 0] Process group watchdog thread terminated with exception
W0101 00:00:00.000 42 torch/distributed/elastic/multiprocessing/api.py:858] Sending process 43 closing signal SIGTERM
E0101 00:00:00.000 42 torch/distributed/elastic/multiprocessing/api.py:833] failed (exitcode: -6) local_rank: 0 (pid: 43) of binary: /usr/bin/python
""",
    ),
    (
        "missing_package",
        """\
Lmod is automatically replacing "gcc/9" with "gcc/12".
Traceback (most recent call last):
  File "/x/a.py", line 1, in <module>
    import foo
ModuleNotFoundError: No module named 'foo'
Traceback (most recent call last):
  File "/x/a.py", line 1, in <module>
    import foo
ModuleNotFoundError: No module named 'foo'
srun: error: n1: tasks 0-1: Exited with exit code 1
srun: Terminating StepId=4.0
""",
    ),
    (
        "segfault",
        """\
[n1:42:0:42] Caught signal 11 (Segmentation fault: address not mapped to object at address (nil))
==== backtrace (tid:     42) ====
 0  /x/libucs.so.0(ucs_handle_error+0x2dc) [0x7f]
 1  ./a.out() [0x40]
=================================
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
mpirun noticed that process rank 0 with PID 0 on node n1 exited on signal 11 (Segmentation fault).
""",
    ),
    (
        "file_not_found",
        """\
Building DAG of jobs...
Using shell: /usr/bin/bash
Error in rule align:
    jobid: 3
cat: /x/in.fq: No such file or directory
Shutting down, this might take some time.
Exiting because a job execution failed. Look above for error message
""",
    ),
    (
        "command_not_found",
        """\
ERROR ~ Error executing process > 'ALIGN (1)'

Caused by:
  Process `ALIGN (1)` terminated with an error exit status (127)

Command executed:
  bwa mem ref.fa x.fq

Command exit status:
  127

Command output:
  (empty)

Command error:
  .command.sh: line 2: bwa: command not found

Work dir:
  /x/work/ab/cd
""",
    ),
    (
        "oom_host",
        """\
ERROR ~ Error executing process > 'ALIGN (1)'
Caused by:
  Process `ALIGN (1)` terminated with an error exit status (137)
Command error:
  slurmstepd: error: Detected 1 oom_kill event in StepId=4.batch. Some of the step tasks have been OOM Killed.
""",
    ),
    (
        "disk_full",
        """\
Traceback (most recent call last):
  File "/x/torch/serialization.py", line 628, in save
    _save(obj, opened_zipfile)
RuntimeError: [enforce fail at inline_container.cc:595] . PytorchStreamWriter failed writing file data/3: file write failed

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/train.py", line 9, in <module>
    torch.save(m, 'x.pt')
RuntimeError: [enforce fail at inline_container.cc:424] . unexpected pos 12384 vs 12278
""",
    ),
    (
        "network",
        """\
Traceback (most recent call last):
  File "/x/urllib3/connection.py", line 174, in _new_conn
    conn = connection.create_connection(
  File "/x/socket.py", line 955, in getaddrinfo
    for res in _socket.getaddrinfo(host, port, family, type, proto, flags):
socket.gaierror: [Errno -2] Name or service not known

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/urllib3/connectionpool.py", line 703, in urlopen
    httplib_response = self._make_request(
urllib3.exceptions.NewConnectionError: <urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -2] Name or service not known

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/a.py", line 3, in <module>
    load_dataset('x')
ConnectionError: Couldn't reach 'x' on the Hub (ConnectionError)
""",
    ),
    (
        "auth_token",
        """\
Traceback (most recent call last):
  File "/x/huggingface_hub/utils/_errors.py", line 304, in hf_raise_for_status
    response.raise_for_status()
requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/meta/x/resolve/main/config.json

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/a.py", line 3, in <module>
    m = AutoModel.from_pretrained('meta/x')
OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/meta/x.
""",
    ),
    (
        "mpi_abort",
        """\
--------------------------------------------------------------------------
MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD
with errorcode 1.

NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.
You may or may not see output from other processes, depending on
exactly when Open MPI kills them.
--------------------------------------------------------------------------
slurmstepd: error: *** STEP 4.0 ON n1 CANCELLED AT 2024-01-01T00:00:00 ***
srun: error: n2: tasks 4-7: Killed
srun: error: n1: task 3: Exited with exit code 1
""",
    ),
    (
        "timeout",
        """\
Epoch 3:  50%|#####     | 50/100 [10:00<10:00,  0.1it/s]slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO TIME LIMIT ***
slurmstepd: error: *** STEP 4.0 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO TIME LIMIT ***
W0101 torch/distributed/elastic/agent/server/api.py:694] Received 15 death signal, shutting down workers
Traceback (most recent call last):
  File "/x/run.py", line 9, in <module>
torch.distributed.elastic.multiprocessing.api.SignalException: Process 42 got signal: 15
srun: error: n1: task 0: Terminated
""",
    ),
    (
        "signal_kill",
        """\
W0101 torch/distributed/elastic/agent/server/api.py:694] Received 15 death signal, shutting down workers
Traceback (most recent call last):
  File "/x/run.py", line 9, in <module>
    main()
torch.distributed.elastic.multiprocessing.api.SignalException: Process 42 got signal: 15
""",
    ),
    (
        "shared_lib",
        """\
Traceback (most recent call last):
  File "/x/numpy/core/__init__.py", line 23, in <module>
    from . import multiarray
ImportError: /lib64/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /x/a.so)

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/a.py", line 1, in <module>
    import numpy
ImportError:

IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!

Importing the numpy C-extensions failed. This error can happen for
many reasons, often due to issues with your setup or how NumPy was
installed.
""",
    ),
    (
        "cuda_unavailable",
        """\
2024-01-01 00:00:00: E tensorflow/stream_executor/cuda/cuda_driver.cc:271] failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected
Traceback (most recent call last):
  File "/x/a.py", line 4, in <module>
    torch.cuda.set_device(0)
RuntimeError: No CUDA GPUs are available
""",
    ),
    (
        "bad_arguments",
        """\
+ python train.py --lr 0.1 --foo
usage: train.py [-h] [--lr LR]
train.py: error: unrecognized arguments: --foo
srun: error: n1: task 0: Exited with exit code 2
srun: Terminating StepId=4.0
""",
    ),
    (
        "code_exception",
        """\
> x <- read.csv("a.csv")
> y <- f(x)
Error in f(x) : could not find function "f"
Execution halted
srun: error: n1: task 0: Exited with exit code 1
""",
    ),
    (
        "collective_comm",
        """\
[rank3]: Traceback (most recent call last):
[rank3]:   File "/x/train.py", line 3, in <module>
[rank3]:     dist.barrier()
[rank3]: torch.distributed.DistBackendError: NCCL error in: /x/ProcessGroupNCCL.cpp:2006, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.20.5
[rank3]: ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error.
[rank3]: Last error:
[rank3]: socketStartConnect: Connect to 10.0.0.2<4242> failed : Software caused connection abort
""",
    ),
    (
        "unknown",
        """\
starting simulation
reading input
srun: error: n1: task 0: Exited with exit code 3
srun: Terminating StepId=4.0
""",
    ),
    (
        "oom_process",
        """\
Traceback (most recent call last):
  File "/x/a.py", line 4, in <module>
    a = np.zeros((1000000, 1000000))
numpy.core._exceptions.MemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64
""",
    ),
    (
        "permission_denied",
        """\
slurmstepd: error: Could not open stdout file /x/out.txt: Permission denied
""",
    ),
    (
        "node_fail",
        """\
slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***
[rank2]:[E ProcessGroupNCCL.cpp:607] [Rank 2] Watchdog caught collective operation timeout
""",
    ),
    (
        "preempted",
        """\
[rank2]:[E ProcessGroupNCCL.cpp:607] [Rank 2] Watchdog caught collective operation timeout
slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO PREEMPTION ***
""",
    ),
    (
        "gpu_hardware",
        """\
[rank2]: Traceback (most recent call last):
[rank2]:   File "/x/train.py", line 3, in <module>
[rank2]: RuntimeError: CUDA error: uncorrectable ECC error encountered
[rank2]: CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
[rank0]:[E ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout
""",
    ),
    (
        "cuda_runtime",
        """\
/pytorch/aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: [3,0,0] Assertion `t >= 0 && t < n_classes` failed.
Traceback (most recent call last):
  File "/x/a.py", line 4, in <module>
    loss.backward()
RuntimeError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call
terminate called after throwing an instance of 'c10::Error'
Aborted (core dumped)
""",
    ),
    (
        "module_env",
        """\
Lmod has detected the following error:  The following module(s) are unknown: "foo/1"
slurm_script: line 9: foo: command not found
""",
    ),
    (
        "cancelled",
        """\
step 100
step 200
srun: Job step aborted: Waiting up to 32 seconds for job step to finish.
slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2024-01-01T00:00:00 ***
slurmstepd: error: *** STEP 4.0 ON n1 CANCELLED AT 2024-01-01T00:00:00 ***
srun: error: n1: tasks 0-3: Killed
""",
    ),
    (
        "fpe",
        """\
Program received signal SIGFPE: Floating-point exception - erroneous arithmetic operation.

Backtrace for this error:
#0  0x7f
srun: error: n1: task 0: Floating point exception (core dumped)
""",
    ),
    (
        "license",
        """\
MATLAB is selecting SOFTWARE OPENGL rendering.
License checkout failed.
License Manager Error -96
MATLAB is unable to connect to the license server.
""",
    ),
    (
        "dataloader_shm",
        """\
Traceback (most recent call last):
  File "/x/torch/utils/data/dataloader.py", line 990, in _try_get_data
    data = self._data_queue.get(timeout=timeout)
RuntimeError: DataLoader worker (pid 42) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/a.py", line 3, in <module>
    for x in loader:
RuntimeError: DataLoader worker (pid(s) 42) exited unexpectedly
""",
    ),
    (
        "address_in_use",
        """\
[W1001 socket.cpp:436] [c10d] The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).
[E1001 socket.cpp:472] [c10d] The server socket has failed to listen on any local network address.
Traceback (most recent call last):
  File "/x/a.py", line 3, in <module>
    dist.init_process_group('nccl')
torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. useIpv6: 0, code: -98, name: EADDRINUSE, message: address already in use
""",
    ),
]
