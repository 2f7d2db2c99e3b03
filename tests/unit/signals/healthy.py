"""Texts in which nothing failed, though they look like it: one or more beside each class."""

# ruff: noqa: E501

from __future__ import annotations

HEALTHY: dict[str, list[str]] = {
    "oom_host": [
        "oom_score_adj set to 0 for slurmstepd\nmemory limit 4096 MB, peak 2111 MB\nall steps done",
        "test_oom_kill_is_reported PASSED\n12 passed in 3.1s",
        "INFO: if the job is OOM killed, raise --mem\nepoch 1 loss 0.31",
        "slurmstepd: info: Detected 0 oom_kill events in StepId=4.batch\nfinished",
    ],
    "timeout": [
        "Time limit: 12:00:00, requested by the user\nstep 10 of 10 done",
        "connect timeout=30 s, read timeout=60 s\nserver ready",
        "INFO will checkpoint before the time limit is reached\nsaved model to out.pt",
    ],
    "cancelled": ["Cancelled orders: 5\nreport written to out.csv", "0 jobs cancelled, 12 jobs completed"],
    "preempted": ["Preemption is enabled for partition scavenge; job will be requeued if preempted\nstep 1\nstep 2"],
    "node_fail": ["node n1: load 0.4, healthy\nnode n2: load 0.1, healthy"],
    "signal_kill": [
        "Signal handler for SIGTERM installed\nepoch 3 val_loss 0.2",
        "players killed: 0, monsters killed: 12\nGame over, score 90",
        "registered handlers for SIGUSR1, SIGTERM\ntraining finished",
    ],
    "pending_dependency": ["  99 gpu fit ada PD 0:00 1 (Dependency)"],
    "pending_limit": ["  99 gpu fit ada PD 0:00 1 (Priority)", "  99 gpu fit ada PD 0:00 4 (Resources)"],
    "pending_node": ["  99 gpu fit ada PD 0:00 1 (BeginTime)"],
    "license": [
        "This software is licensed under the Apache License, Version 2.0\nloading model",
        "License checkout successful for feature fluent_solver\niteration 1 residual 1e-3",
    ],
    "submit_script": ["Submitted batch job 4242"],
    "step_launch": [
        "srun: Job 41 step creation temporarily disabled, retrying (Requested nodes are busy)\nsrun: Step created for StepId=41.3\nresult 42",
    ],
    "slurm_ctl": [
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\nSubmitted batch job 77",
    ],
    "module_env": [
        "The following have been reloaded with a version change:\n  1) gcc/9 => gcc/12",
        "Lmod is automatically replacing \"intel/19\" with \"gcc/12\".\nDue to MODULEPATH changes, the following have been reloaded:\n  1) openmpi/4.1",
        "Inactive Modules:\n  1) hdf5/1.12\nrunning",
    ],
    "conda_env": ["(base) environment activated: torch2\npython 3.11"],
    "missing_package": [
        "UserWarning: package foo is not installed, using the slow path\n  warnings.warn(x)\nstep 1",
        "INFO apex is not installed, falling back to native AMP\nepoch 0",
    ],
    "shared_lib": [
        "2024-01-01 00:00:00.000000: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory\n"
        "2024-01-01 00:00:00.000000: I tensorflow/stream_executor/cuda/cudart_stub.cc:29] Ignore above cudart dlerror if you do not have a GPU set up on your machine.\nEpoch 1/3",
        "ERROR: ld.so: object '/usr/lib/libfoo.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.\n42",
    ],
    "container": [
        "INFO:    Converting SIF file to temporary sandbox...\nWARNING: underlay of /etc/localtime required more than 50 (87) bind mounts\nINFO:    Cleaning up image...",
    ],
    "file_not_found": [
        "rm: cannot remove 'core.*': No such file or directory\n1000 steps done",
        "no checkpoint found in out/, starting from scratch\nepoch 1 loss 2.3",
        "Config file user.yaml does not exist, using defaults\nstep 1 ok",
    ],
    "permission_denied": ["find: '/proc/1/fd': Permission denied\n42 files found"],
    "disk_full": [
        "Your quota usage: home 41.2 of 50.0 GB (82 %), 120000 of 500000 files",
        "WARNING: you are approaching your quota on /home (95% used)\nstep 1",
        "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda1       100G   99G  1.0G  99% /",
    ],
    "fs_error": ["io error count: 0\nread 12 GB at 1.1 GB/s"],
    "corrupt_data": ["checksum ok, 0 corrupt records\nwrote table.parquet"],
    "network": [
        "urllib3.connectionpool WARNING Retrying (Retry(total=2, connect=None)) after connection broken by 'NewConnectionError': /simple/x\nDownloading x-1.0.tar.gz\nSuccessfully installed x-1.0",
        "Connection attempt 1/5 failed, retrying in 2 s\nConnected to database\nrows: 12",
    ],
    "auth_token": ["wandb: Currently logged in as: ada. Use `wandb login --relogin` to force relogin\nwandb: Syncing run x"],
    "resource_limit": ["open files limit raised to 65536\nthreads: 16"],
    "address_in_use": ["Port 8787 is already in use, using 41231 instead\ndashboard at http://n1:41231"],
    "oom_process": ["not enough memory to cache the dataset, caching disabled\nepoch 1"],
    "oom_jvm": ["Running with -Xmx8g, Java heap 8192 MB\nDone."],
    "python_exception": [
        "1000 rows, 0 errors\nmean absolute error: 0.0213\nR2 score: 0.99",
        "/x/site-packages/torch/nn/functional.py:1: UserWarning: Implicit dimension choice for softmax has been deprecated.\n  warnings.warn(x)",
        "Exception handling: strict\nError bars: 95 %\nerror rate 0.01",
        "FutureWarning: The default of 'x' will change; in a future version this will raise an error.\n  df.groupby(x)",
    ],
    "code_exception": ["Warning message:\nNAs introduced by coercion\n> q()", "Execution time: 12 s"],
    "app_error": [
        "NOTE: 1 warning\nFinished mdrun on rank 0 Mon Jan  1 00:00:00 2024",
        " Normal termination of Gaussian 16 at Mon Jan  1 00:00:00 2024.",
        "SIMPLE solution converged in 312 iterations\nEnd",
        "reached required accuracy - stopping structural energy minimisation",
    ],
    "bad_arguments": ["Some weights of the model checkpoint were not used: ['lm_head.weight']\n- This IS expected if you are initializing X from another task\nstep 1"],
    "script_error": ["+ set -eu\n+ echo hello\nhello"],
    "nan_divergence": [
        "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0\nstep 2 loss 1.2\nstep 3 loss 1.1",
        "RuntimeWarning: invalid value encountered in true_divide\n  ret = x / y\nmean nan fraction 0.0",
        "filled 12 NaN values with 0\nloss 0.12",
    ],
    "segfault": ["segfault handler enabled (faulthandler)\nstep 1", "tests/test_segfault.py::test_it PASSED"],
    "fpe": ["Note: The following floating-point exceptions are signalling: IEEE_UNDERFLOW_FLAG IEEE_DENORMAL"],
    "abort": ["abort_on_error=False\nassertions enabled\niter 10"],
    "workflow_child": [
        "12 of 12 steps (100%) done\nComplete log: .snakemake/log/x.snakemake.log",
        "[a1/b2c3d4] NOTE: Process `X (1)` terminated with an error exit status (1) -- Execution is retried (1)\n[aa/bbccdd] Re-submitted process > X (1)\nexecutor >  slurm (12)\n[aa/bbccdd] X (12) [100%] 12 of 12 done, retries: 1",
    ],
    "cuda_oom": [
        "| WARNING: ran out of memory with exception: CUDA out of memory. Tried to allocate 2.00 GiB; skipping batch\nstep 3 loss 1.2\nstep 4 loss 1.1",
        "I tensorflow/core/common_runtime/bfc_allocator.cc:245] Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.2GiB with freed_by_count=0. The caller indicates that this is not a failure, but this may mean that there could be performance gains if more memory were available.",
    ],
    "cuda_unavailable": [
        "2024-01-01 00:00:00.000: E external/local_xla/xla/stream_executor/cuda/cuda_dnn.cc:9261] Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been registered\nEpoch 1/2",
        "No GPU/TPU found, falling back to CPU. (Set TF_CPP_MIN_LOG_LEVEL=0 and rerun for more info.)\nstep 1 loss 2",
        "device: cpu\nCUDA available: False\nepoch 1",
    ],
    "gpu_hardware": ["|   0  NVIDIA A100   On | 00000000:41:00.0 Off |                    0 |\n| Volatile Uncorr. ECC 0 |"],
    "collective_comm": [
        "n1:42:42 [0] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [RO]\nn1:42:42 [0] NCCL INFO comm 0x1 rank 0 nranks 2 - Init COMPLETE",
        "[rank0]:[W1001 00:00:00.0 ProcessGroupNCCL.cpp:1250] Warning: WARNING: process group has NOT been destroyed before we destruct ProcessGroupNCCL.",
    ],
    "dist_launch": ["[W socket.cpp:601] [c10d] The client socket has failed to connect to [n1]:29500 (errno: 111 - Connection refused).\nstep 1\nstep 2"],
    "dist_child_failed": ["*****************************************\nSetting OMP_NUM_THREADS environment variable for each process to be 1 in default, to avoid your system being overloaded\n*****************************************"],
    "mpi_comm": [
        "WARNING: There was an error initializing an OpenFabrics device.\n\n  Local host:   n1\n  Local device: mlx5_0\nresult 3.14",
    ],
    "dask_worker": ["distributed.nanny - WARNING - Worker exceeded 95% memory budget. Restarting\ndistributed.nanny - WARNING - Restarting worker\n[######] | 100% Completed | 12.1s"],
    "ray_cluster": ["2024-01-01 00:00:00,000\tINFO worker.py:1528 -- Started a local Ray instance.\nresult 4"],
    "time_skew": ["make: warning:  Clock skew detected.  Your build may be incomplete.\n[100%] Built target a"],
}  # fmt: skip
