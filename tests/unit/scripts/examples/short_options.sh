#!/bin/sh
#SBATCH -J prep -p main -N1 -n4 -c2
#SBATCH -t 45 -A phys
#SBATCH -o prep.out -e prep.err
#SBATCH --mem 8G
make -j8
