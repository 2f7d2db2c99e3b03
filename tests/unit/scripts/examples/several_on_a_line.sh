#!/bin/bash
#SBATCH --nodes=2 --ntasks-per-node=4 --cpus-per-task=2 --mem-per-cpu=2G --time=4:00:00 -p main
mpirun ./solver
