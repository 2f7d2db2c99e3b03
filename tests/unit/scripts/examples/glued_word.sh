#!/bin/bash
#SBATCH--mem=3G
#SBATCH		-n3
#SBATCH
#SBATCH # nothing here
true
