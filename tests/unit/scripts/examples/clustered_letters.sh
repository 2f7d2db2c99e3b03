#!/bin/bash
#SBATCH -HJheld
#SBATCH -Hn6 -c1
#SBATCH -t5:00
true
