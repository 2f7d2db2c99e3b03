#!/bin/bash
#SBATCH --part=main --acco=phys --cpus-per-t=4
#SBATCH --arr 1-3
true
